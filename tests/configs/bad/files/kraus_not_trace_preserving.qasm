OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
#pragma braket noise kraus([[0.9, 0], [0, 0.9]]) q[0]
