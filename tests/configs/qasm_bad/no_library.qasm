// expect: add `include "stdgates.inc";`
// line: 6
OPENQASM 3.0;

qubit q;
h q;
