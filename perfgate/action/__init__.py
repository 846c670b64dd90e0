"""What runs in jobs of GitHub Actions: a check in one, and the telling of its verdict in another.

The first has the candidate beside it and no rights; the second has rights and trusts no report, so
it judges the measurement anew. Nothing is measured or judged here.
"""
