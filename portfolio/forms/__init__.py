"""Read what a person writes about a portfolio: exact amounts, shares that add up, refusals that say what to do."""
