"""The API's door to members: signing in and up, the profile, devices, the card, one's own data."""
