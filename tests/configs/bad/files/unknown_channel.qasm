OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
#pragma braket noise depolarise(0.1) q[0]
