process SCORE {
    tag "${meta.id}"
    label 'scan'
    label 'gpu'

    input:
    tuple val(meta), path(slices, stageAs: 'slices/*'), path(reconstruction, stageAs: 'reconstruction/*')
    path weights, stageAs: 'weights/*'
    val code

    output:
    tuple val(meta), path("scores/${meta.id}"), emit: scores

    script:
    """
    export OMP_NUM_THREADS=${task.cpus}
    score.py slices/${meta.id} reconstruction --out scores/${meta.id} \\
        ${weights ? '--weights weights/*' : ''} ${task.ext.args}
    """

    stub:
    """
    score.py --help > /dev/null
    mkdir -p scores/${meta.id}
    touch scores/${meta.id}/scan.csv
    """
}
