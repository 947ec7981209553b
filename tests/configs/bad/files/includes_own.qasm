OPENQASM 2.0;
include "own.inc";
qreg q[1];
own q[0];
