"""What a user asks, in the user's words, as populations, scenarios and estimands."""
