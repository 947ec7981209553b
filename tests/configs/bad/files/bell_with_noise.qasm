OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
h q[0];
#pragma braket noise bit_flip(0.1) q[0]
cx q[0], q[1];
