"""The API's door to purchases and to what they gave."""
