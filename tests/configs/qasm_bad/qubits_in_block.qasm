// expect: must not be declared in a block
// line: 5
OPENQASM 3.0;
include "stdgates.inc";
for int i in [0:1] { qubit q; }
