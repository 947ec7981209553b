// expect: `delay` is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
delay[100ns] q;
