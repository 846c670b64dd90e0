"""Reports: a case and its verdict become text. Nothing here judges, prints or writes a file."""
