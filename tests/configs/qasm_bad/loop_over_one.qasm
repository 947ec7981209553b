// expect: a loop needs a range or a set
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
for int i in [3] { x q; }
