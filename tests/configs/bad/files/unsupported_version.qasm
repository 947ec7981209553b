OPENQASM 4.0;
qubit[2] q;
