"""What a pull request will do to a stack, and what somebody did to it behind Git's back."""
