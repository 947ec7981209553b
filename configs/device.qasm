// A GHZ state of three qubits in the gates of IBM's Falcon processors.
OPENQASM 2.0;
include "qelib1.inc";
qreg q[3];
creg c[3];
rz(pi/2) q[1];
sx q[1];
rz(pi/2) q[1];
cx q[1], q[0];
cx q[1], q[2];
measure q -> c;
