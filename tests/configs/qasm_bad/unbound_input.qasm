// expect: parameters = { theta = 0.3, phi = 0.3 }
// line: 5
OPENQASM 3.0;
include "stdgates.inc";
input float theta;
input angle phi;
qubit q; rx(theta) q; rz(phi) q;
