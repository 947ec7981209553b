// expect: holds an element twice
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[4] q;
let a = q[0:1] ++ q[1];
