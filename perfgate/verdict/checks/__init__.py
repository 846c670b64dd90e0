"""One module per check; each turns a case into findings and knows no other."""
