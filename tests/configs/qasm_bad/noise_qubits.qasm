// expect: acts on 2 qubit(s), 1 given
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
#pragma braket noise two_qubit_dephasing(0.1) q
