// Two gates that older copies of qelib1.inc define wrongly: c3sqrtx as its own inverse, c4x with a misprint.
// The numbers are those of what the names mean: the square root of X, and X, under three and four controls.
OPENQASM 2.0;
include "qelib1.inc";
qreg q[5];
u3(0.3,1.1,-0.4) q[0];
u3(1.3,0.2,0.7) q[1];
u3(2.1,-0.9,0.1) q[2];
u3(0.9,0.4,-1.2) q[3];
u3(0.8,0.6,-0.3) q[4];
c3sqrtx q[3],q[0],q[4],q[1];
u3(0.5,0.1,0.2) q[1];
c4x q[2],q[0],q[1],q[4],q[3];
u3(0.2,0.5,0.9) q;
