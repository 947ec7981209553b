// expect: gates on at most 6 qubits
// line: 7
OPENQASM 3.0;
include "stdgates.inc";
qubit[7] q;
gate g a,b,c,d,e,f,h1 { ctrl(6) @ x a,b,c,d,e,f,h1; h a; }
pow(0.5) @ g q[0],q[1],q[2],q[3],q[4],q[5],q[6];
