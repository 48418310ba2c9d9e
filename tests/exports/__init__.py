"""Lists out of the house: who may take them, what stands in them, kills, memory, pages, the way back."""
