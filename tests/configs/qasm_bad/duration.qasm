// expect: `5ns` is a duration; timing is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
rx(5ns) q;
