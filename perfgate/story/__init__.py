"""The outage of 13 July 2018 as a story: a repository and its chapters come out, and what is told.

The commands of its chapters are run, and printed about, by the command line.
"""
