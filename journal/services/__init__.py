"""Write the journal: rotations, passes, reviews; each service is atomic."""
