// expect: hardware qubits
// line: 5
OPENQASM 3.0;
include "stdgates.inc";
x $0;
