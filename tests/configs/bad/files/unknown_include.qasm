OPENQASM 2.0;
include "none.inc";
qreg q[2];
