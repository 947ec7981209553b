// expect: the step of a range is 0
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
for int i in [0:0:3] { x q; }
