"""Load: a plan goes to Locust, a journal comes back; nothing here judges what it says."""
