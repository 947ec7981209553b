// expect: the modifiers of `x` need 3 control(s), 2 given
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
ctrl(3) @ x q[0], q[1];
