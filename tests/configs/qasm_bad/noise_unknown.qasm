// expect: did you mean `depolarizing`?
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket noise depolarising(0.1) q
