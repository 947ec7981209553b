OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
#pragma braket noise bit_flip(1.5) q[0]
