// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title What was settled, on record: written by one role, paused by another, governed by a third.
/// @dev Roles, their events and their custom errors follow OpenZeppelin 5's AccessControl and
/// Pausable, so that what is known about those holds here as well.
contract SettlementLog {
    bytes32 public constant DEFAULT_ADMIN_ROLE = 0x00;
    bytes32 public constant RECORDER_ROLE = keccak256("RECORDER_ROLE");
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");

    mapping(bytes32 => mapping(address => bool)) private _members;
    bool public paused;
    uint256 public count;
    mapping(bytes32 => uint256) public settled;

    event RoleGranted(bytes32 indexed role, address indexed account, address indexed sender);
    event RoleRevoked(bytes32 indexed role, address indexed account, address indexed sender);
    event Paused(address account);
    event Unpaused(address account);
    event Settled(bytes32 indexed trade, uint256 amount);

    error AccessControlUnauthorizedAccount(address account, bytes32 neededRole);
    error AccessControlBadConfirmation();
    error EnforcedPause();
    error ExpectedPause();
    error AlreadySettled(bytes32 trade);

    modifier onlyRole(bytes32 role) {
        if (!hasRole(role, msg.sender)) revert AccessControlUnauthorizedAccount(msg.sender, role);
        _;
    }

    /// @dev Whoever deploys sets the roles up and must then renounce.
    constructor() {
        _grant(DEFAULT_ADMIN_ROLE, msg.sender);
    }

    function record(bytes32 trade, uint256 amount) external onlyRole(RECORDER_ROLE) {
        if (paused) revert EnforcedPause();
        if (settled[trade] != 0) revert AlreadySettled(trade);
        settled[trade] = amount;
        count += 1;
        emit Settled(trade, amount);
    }

    function pause() external onlyRole(PAUSER_ROLE) {
        if (paused) revert EnforcedPause();
        paused = true;
        emit Paused(msg.sender);
    }

    function unpause() external onlyRole(PAUSER_ROLE) {
        if (!paused) revert ExpectedPause();
        paused = false;
        emit Unpaused(msg.sender);
    }

    // ---------------------------------------------------------------- roles

    function hasRole(bytes32 role, address account) public view returns (bool) {
        return _members[role][account];
    }

    function getRoleAdmin(bytes32) external pure returns (bytes32) {
        return DEFAULT_ADMIN_ROLE;
    }

    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == 0x7965db0b;
    }

    function grantRole(bytes32 role, address account) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _grant(role, account);
    }

    function revokeRole(bytes32 role, address account) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _revoke(role, account);
    }

    function renounceRole(bytes32 role, address confirmation) external {
        if (confirmation != msg.sender) revert AccessControlBadConfirmation();
        _revoke(role, confirmation);
    }

    function _grant(bytes32 role, address account) internal {
        if (_members[role][account]) return;
        _members[role][account] = true;
        emit RoleGranted(role, account, msg.sender);
    }

    function _revoke(bytes32 role, address account) private {
        if (!_members[role][account]) return;
        _members[role][account] = false;
        emit RoleRevoked(role, account, msg.sender);
    }
}
