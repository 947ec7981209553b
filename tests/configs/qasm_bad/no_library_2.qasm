// expect: add `include "qelib1.inc";`
// line: 6
OPENQASM 2.0;

qreg q[1];
h q;
