// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// @title The owner of the escrows: of three people, two must agree before anything is called.
/// @notice It says how it is set up with the functions of a Safe (`getOwners`, `getThreshold`,
/// `getModulesPaginated`, ...), so that what reads a Safe reads this one as well.
contract MultiSigOwner {
    struct Proposal {
        address target;
        uint256 value;
        bytes data;
        bool executed;
        uint256 confirmations;
    }

    string public constant VERSION = "1.4.1";
    address private constant SENTINEL = address(1);

    uint256 public threshold = 2;
    address[3] public owners;
    mapping(address => bool) public isOwner;
    Proposal[] public proposals;
    mapping(uint256 => mapping(address => bool)) public confirmedBy;
    address[] private _modules;
    mapping(address => bool) public isModuleEnabled;

    event Submitted(uint256 indexed id, address indexed by, address indexed target, uint256 value, bytes data);
    event Confirmed(uint256 indexed id, address indexed by);
    event Executed(uint256 indexed id, address indexed by);

    modifier onlyOwner() {
        require(isOwner[msg.sender], "Only an owner can call this function");
        _;
    }

    modifier onlySelf() {
        require(msg.sender == address(this), "Only the multisig itself can call this function");
        _;
    }

    constructor(address[3] memory owners_) {
        for (uint256 i = 0; i < 3; i++) {
            require(owners_[i] != address(0), "Owner is the zero address");
            require(!isOwner[owners_[i]], "Owner is named twice");
            isOwner[owners_[i]] = true;
        }
        owners = owners_;
    }

    receive() external payable {}

    function getOwners() external view returns (address[] memory all) {
        all = new address[](3);
        for (uint256 i = 0; i < 3; i++) all[i] = owners[i];
    }

    function getThreshold() external view returns (uint256) {
        return threshold;
    }

    function nonce() external view returns (uint256) {
        return proposals.length;
    }

    /// @notice Modules, all in one page; the sentinel as next says that there are no more.
    function getModulesPaginated(address, uint256) external view returns (address[] memory array, address next) {
        return (_modules, SENTINEL);
    }

    function changeThreshold(uint256 threshold_) external onlySelf {
        require(threshold_ > 0 && threshold_ <= 3, "No such threshold");
        threshold = threshold_;
    }

    /// @notice A module may call anything in the name of this contract, without anybody's consent.
    function enableModule(address module) external onlySelf {
        require(!isModuleEnabled[module], "Already enabled");
        isModuleEnabled[module] = true;
        _modules.push(module);
    }

    function execTransactionFromModule(address target, uint256 value, bytes calldata data) external returns (bool done) {
        require(isModuleEnabled[msg.sender], "Only a module can call this function");
        (done, ) = target.call{value: value}(data);
    }

    function proposalCount() external view returns (uint256) {
        return proposals.length;
    }

    /// @notice Propose a call; the proposer's own confirmation is counted at once.
    function submit(address target, uint256 value, bytes calldata data) external onlyOwner returns (uint256 id) {
        id = proposals.length;
        proposals.push(Proposal(target, value, data, false, 0));
        emit Submitted(id, msg.sender, target, value, data);
        _confirm(id);
    }

    function confirm(uint256 id) external onlyOwner {
        require(id < proposals.length, "No such proposal");
        _confirm(id);
    }

    function execute(uint256 id) external onlyOwner {
        require(id < proposals.length, "No such proposal");
        Proposal storage proposal = proposals[id];
        require(!proposal.executed, "Already executed");
        require(proposal.confirmations >= threshold, "Not enough confirmations");
        proposal.executed = true;
        emit Executed(id, msg.sender);
        (bool done, bytes memory answer) = proposal.target.call{value: proposal.value}(proposal.data);
        if (!done) {
            assembly {
                revert(add(answer, 32), mload(answer))
            }
        }
    }

    function _confirm(uint256 id) private {
        require(!proposals[id].executed, "Already executed");
        require(!confirmedBy[id][msg.sender], "Already confirmed");
        confirmedBy[id][msg.sender] = true;
        proposals[id].confirmations += 1;
        emit Confirmed(id, msg.sender);
    }
}
