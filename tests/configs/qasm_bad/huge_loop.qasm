// expect: the loop makes 1000000001 passes
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
for int i in [0:1000000000] { x q; }
