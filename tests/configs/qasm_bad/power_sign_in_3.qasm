// expect: a power is written `**`
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
rx(2.0^2) q;
