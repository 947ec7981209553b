// What the noise rule must tell apart: user-defined gates (expanded, nested), library gates of every size (primitive),
// id (counts), barrier, measure and reset (do not), broadcast, measurements in the middle and at the end.
OPENQASM 2.0;
include "qelib1.inc";
gate inner(theta) a,b { ry(theta) a; cx a,b; u1(theta/2) b; }
gate outer(theta) a,b,c { inner(theta) a,b; barrier a,b; inner(-theta/3) c,a; ccx a,b,c; id b; }
qreg q[3];
qreg r[2];
creg c[3];
creg d[2];
h q;
outer(0.7) q[0],r[1],q[2];
id r;
measure q[1] -> c[1];
u3(0.4,0.3,0.2) q[1];
cswap q[1],r[0],q[0];
cx q,r[0];
reset r[1];
rx(0.6) r;
barrier q,r;
measure q[2] -> c[2];
measure q[2] -> c[0];
outer(1.9) r[1],q[1],r[0];
barrier q;
measure q -> c;
measure r[0] -> d[0];
barrier r;
