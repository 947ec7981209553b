// expect: `def` is not supported
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
def f(qubit a) { x a; }
