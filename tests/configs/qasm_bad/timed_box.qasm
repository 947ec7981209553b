// expect: a `box` with a duration is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
box[100ns] { x q; }
