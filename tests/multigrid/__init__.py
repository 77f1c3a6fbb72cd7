"""What tests of this family share."""
