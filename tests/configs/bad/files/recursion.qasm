OPENQASM 3.0;
include "stdgates.inc";
qubit[2] q;
gate a x { b x; }
gate b x { a x; }
a q[0];
