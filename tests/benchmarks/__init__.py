"""Times of hot paths, and a comparison of load generators."""
