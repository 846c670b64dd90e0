"""Target: a build's directory comes in, a running service goes out; nothing here sends it load."""
