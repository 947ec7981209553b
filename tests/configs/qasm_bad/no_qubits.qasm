// expect: declares no qubit
OPENQASM 2.0;
include "qelib1.inc";

