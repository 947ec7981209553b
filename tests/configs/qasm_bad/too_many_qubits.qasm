// expect: more than 1000000 qubits
// line: 6
OPENQASM 3.0;
include "stdgates.inc";
qubit[999999] q;
qubit[2] r;
