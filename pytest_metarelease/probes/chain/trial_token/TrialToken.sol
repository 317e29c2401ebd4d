// SPDX-License-Identifier: MIT
pragma solidity 0.8.30;

/// @title An ERC-20 token of a flow, which may be as tokens in use are, and not as the standard is.
/// @notice Worth nothing: whoever deploys it says who has how much of it.
contract TrialToken {
    string public constant name = "Trial";
    string public constant symbol = "TRIAL";

    /// How transfers fail, 0 being not at all; only state overrides ever set it. It stands in slot 0.
    uint256 private _failing;
    uint256 private constant SAYS_FALSE = 1;
    uint256 private constant REVERTS = 2;

    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;
    uint256 public totalSupply;

    uint8 public immutable decimals;
    /// Transfers return nothing, as those of tokens from before ERC-20 was settled.
    bool private immutable _silent;
    /// What each transfer takes from what arrives, in 10^-9 of the amount.
    uint256 private immutable _fee;

    event Transfer(address indexed from, address indexed to, uint256 value);
    event Approval(address indexed owner, address indexed spender, uint256 value);

    // ERC-6093.
    error ERC20InsufficientBalance(address sender, uint256 balance, uint256 needed);
    error ERC20InsufficientAllowance(address spender, uint256 allowance, uint256 needed);
    error TransfersFail();

    constructor(address[] memory holders, uint256 each, uint8 decimals_, bool silent, uint256 fee) {
        decimals = decimals_;
        _silent = silent;
        _fee = fee;
        for (uint256 at = 0; at < holders.length; at++) {
            balanceOf[holders[at]] += each;
            emit Transfer(address(0), holders[at], each);
        }
        totalSupply = each * holders.length;
    }

    function approve(address spender, uint256 value) external returns (bool) {
        allowance[msg.sender][spender] = value;
        emit Approval(msg.sender, spender, value);
        return _said();
    }

    function transfer(address to, uint256 value) external returns (bool) {
        if (_fails()) return false;
        _move(msg.sender, to, value);
        return _said();
    }

    function transferFrom(address from, address to, uint256 value) external returns (bool) {
        if (_fails()) return false;
        uint256 allowed = allowance[from][msg.sender];
        if (allowed != type(uint256).max) {
            if (allowed < value) revert ERC20InsufficientAllowance(msg.sender, allowed, value);
            allowance[from][msg.sender] = allowed - value;
        }
        _move(from, to, value);
        return _said();
    }

    function _move(address from, address to, uint256 value) private {
        uint256 held = balanceOf[from];
        if (held < value) revert ERC20InsufficientBalance(from, held, value);
        uint256 taken = (value * _fee) / 1e9;
        balanceOf[from] = held - value;
        balanceOf[to] += value - taken;
        totalSupply -= taken;
        emit Transfer(from, to, value - taken);
        if (taken > 0) emit Transfer(from, address(0), taken);
    }

    function _fails() private view returns (bool) {
        if (_failing == REVERTS) revert TransfersFail();
        return _failing == SAYS_FALSE;
    }

    function _said() private view returns (bool) {
        if (_silent) {
            assembly ("memory-safe") {
                return(0, 0)
            }
        }
        return true;
    }
}
