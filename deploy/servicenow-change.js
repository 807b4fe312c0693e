// A business rule of ServiceNow for the table change_request: after insert and
// after update (not async), when the approval or the state changes. What a change
// approves is what it said when it was approved: a window, a configuration item or an
// assignee that is edited later has to be approved anew.
// It sends the change to a source of kind servicenow. Make a REST message named
// Sidedoor first, with a method "change" (POST to the source's URL) that has the
// token or password of the source.
(function executeRule(current) {
  var email = function (user) { return user && user.email ? String(user.email) : ''; };
  // The last approval that was given; sysapproval_approver has one row a person.
  var approvedBy = '';
  var approvals = new GlideRecord('sysapproval_approver');
  approvals.addQuery('sysapproval', current.sys_id);
  approvals.addQuery('state', 'approved');
  approvals.orderByDesc('sys_updated_on');
  approvals.query();
  if (approvals.next()) {
    approvedBy = email(approvals.approver);
  }
  var utc = function (field) { // as RFC 3339
    var value = field.getGlideObject ? field.getGlideObject() : null;
    return value && value.getValue() ? value.getValue().replace(' ', 'T') + 'Z' : '';
  };
  var message = new sn_ws.RESTMessageV2('Sidedoor', 'change');
  message.setRequestHeader('Content-Type', 'application/json');
  message.setRequestBody(JSON.stringify({
    number: String(current.number),
    sys_id: String(current.sys_id),
    sys_mod_count: String(current.sys_mod_count),
    sys_updated_on: String(current.sys_updated_on),
    state: current.state.getDisplayValue(),
    approval: String(current.approval),
    approval_changed: String(current.approval.changes()),
    approved_by: approvedBy,
    requested_by: email(current.requested_by),
    assigned_to: email(current.assigned_to),
    // What the change is of, as Sidedoor names it: an account, a cluster,
    // a cluster/namespace, a repository.
    scope: String(current.cmdb_ci.name),
    start_date: utc(current.start_date),
    end_date: utc(current.end_date)
  }));
  message.executeAsync();
})(current);
