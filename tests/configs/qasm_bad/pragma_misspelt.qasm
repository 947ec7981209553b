// expect: speaks of noise
OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
#pragma brakt noise depolarizing(0.1) q[0]
