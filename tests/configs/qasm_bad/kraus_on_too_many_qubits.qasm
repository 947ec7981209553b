// expect: acts on 1 qubit(s), 2 given
OPENQASM 3.0;
qubit[2] q;
#pragma braket noise kraus([[1, 0], [0, 1]]) q[0], q[1]
