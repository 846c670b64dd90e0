"""The report as one page of HTML, for people: what it shows, and how that is drawn."""
